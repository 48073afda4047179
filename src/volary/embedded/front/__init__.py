"""The HTTP front of embedded API servers: many clusters, one port or a port each, bounded whatever a client does.

```
bytes ─► reader ─► Incoming ─► connection ─► Site (one cluster) ─► Response   one write
                                                               ├► Watch      lines as they happen   (watching)
                                                               └► Logs, Proxy  pieces, in a task    (pieces)
```
"""
