"""The migrations, each written out: none reads the tables' present description, which moves on."""
