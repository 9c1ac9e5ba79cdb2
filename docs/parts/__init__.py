"""The generated parts of the documents; a module for each subject, a function for each part."""
