"""The rules model: a small agent without a language model, for a first run and for tests.

What it plays follows from the tools that it is offered and from the run's input: closing, sending, drafting
or updating one ticket, paying back what one asks for, looking over many, or answering a question from pages.
What tickets, articles and pages say is weighed as text: it decides what a proposal holds and whether there
is one, of which order a refund is, and which page is read. Which tools there are to call,
on which ticket and how often follows from the input and from outcomes alone.
"""
