"""The facts of each variant as plain numbers, and the words for them."""
