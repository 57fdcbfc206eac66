"""What crosses a border: messages, events, the store."""
