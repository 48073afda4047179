"""What a request does: read, watch, create, update, delete, scale, bind, evict."""
