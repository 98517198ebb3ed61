"""A map in; those of its entries that are asked for, in the order that is asked for, for people and programs, out.

Read `choice` (which entries), `order` (in which order), `machine` (JSON and CSV).
"""
