"""Where rows are kept, and how they are asked for."""
