"""A stand-in for a model provider: an HTTP server that speaks three wire formats and says that it is a simulator.

A fresh installation offers it, so that everything can be tried before a key is entered; tests and benchmarks ask it for
exact numbers of tokens at an exact pace, and for every fault that real providers were seen to have.

    parser.py      bytes -> requests (HTTP/1.1, no I/O)
    http.py        connections: keep-alive, limits, time-outs, chunked answers, the client's leaving
    names.py       `sim-markdown@200x2000` -> which model, how fast, how long
    catalogue.py   every model, with what it does
    compose.py     a question -> the pieces of its answer, deterministic
    formats/       OpenAI-compatible, Ollama, Anthropic: reading questions, writing answers and errors
    delivery.py    pieces -> the wire, on a schedule
    faults.py      what goes wrong on request
    records.py     what was asked, for tests that want to prove it
    server.py      Simulator: routes and life cycle
    control.py     SimulatorControl: the one inside the application, started when first needed
"""
