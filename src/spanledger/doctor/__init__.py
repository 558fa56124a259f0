"""What is right and what is wrong with Spanledger here, and what to do about it."""
