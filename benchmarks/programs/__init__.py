"""Other programs and bare decoding, each run as a process of its own, so that its time and memory can be measured."""
