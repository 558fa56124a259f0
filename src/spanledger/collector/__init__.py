"""Receives spans, turns them into priced rows, and acknowledges what is durable."""
