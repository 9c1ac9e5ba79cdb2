"""The sections of a plan or view in words: people, goals with measures, needs and other contents, consents."""
