"""Run the command line: ``python -m sensormap``."""

from sensormap.cli.main import main

if __name__ == "__main__":
    main(prog_name="sensormap")
