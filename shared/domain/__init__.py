"""The kernel: facts about children's care and the arithmetic on them.  Pure, no I/O."""
