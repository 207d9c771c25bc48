"""The suite: stories, laws, judges and faults.

``narratives`` tell end to end what a company lives through; the folders named after rooms
(``adapter``, ``webhooks``…) hold what is about one of them, a noun a file. ``laws`` hold for
whatever hypothesis makes up, ``judges`` are not us, ``faults`` kill processes and break calls at
every point. ``support`` is what more than one file needs, ``bench`` measures (``make bench``).
"""
