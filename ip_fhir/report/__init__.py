"""Reports for people: words for codes in Norwegian and English, pictures of loops, pages and documents."""
