"""What people read: words for codes in Norwegian and English, and pictures of loops."""
