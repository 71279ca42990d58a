"""What the corpus begins with: small files of every kind, and words of them."""
