"""`sensormap completion`: the script by which a shell completes commands, options and file names."""

from __future__ import annotations

import click
from click.shell_completion import FishComplete, ShellComplete, get_completion_class

from sensormap.cli.options import examples

_NAME, _VARIABLE = "sensormap", "_SENSORMAP_COMPLETE"  # the variable by which click knows that a shell asks

# Click's own script has fish complete a path in quotes, in which ~ means nothing, and cuts descriptions at a comma.
# Here files are completed as fish does it after a command that it does not know, from the word as it was typed.
_FISH = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) \\
        %(prog_name)s)
    for completion in $response
        set -l parts (string split -m 1 "," $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                complete -C "'' "(commandline -ct)
            case plain
                echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Fish(FishComplete):
    source_template = _FISH


@click.command(
    "completion",
    epilog=examples(
        "mkdir -p ~/.local/share/bash-completion/completions     # with the package bash-completion",
        "sensormap completion bash > ~/.local/share/bash-completion/completions/sensormap",
        "mkdir -p ~/.zfunc                                  # a folder of your fpath, before compinit",
        "sensormap completion zsh > ~/.zfunc/_sensormap",
        "mkdir -p ~/.config/fish/completions",
        "sensormap completion fish > ~/.config/fish/completions/sensormap.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the script by which SHELL completes commands.

    Save it where SHELL looks for such scripts, as below, and open a new terminal. A folder that is not there yet has to
    be made first.
    """
    kind = _Fish if shell == _Fish.name else get_completion_class(shell)
    if kind is None:
        msg = f"this release of click knows nothing of {shell}"
        raise click.ClickException(msg)
    root = click.get_current_context().find_root().command
    # Without the check of bash's version, which starts a bash: the script may be meant for another machine.
    click.echo(ShellComplete.source(kind(root, {}, _NAME, _VARIABLE)), nl=False)
