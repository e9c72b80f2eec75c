"""The chat area: conversations, transcript, composer."""
