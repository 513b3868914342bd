"""Services that describe themselves in OpenAPI, as tools.

``retrieval`` gets the document, ``document`` finds things in it, ``schema`` makes its schemas ours, ``offer``
describes one operation, ``entry`` joins it with what the tool file says. What comes out is pinned in the
catalogue as a ``binding``; ``operation`` is the tool that is built of it, on a worker that never sees the
document.
"""
