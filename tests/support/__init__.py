"""What the tests of every part need: databases, councils, events, clients, and waiting."""
