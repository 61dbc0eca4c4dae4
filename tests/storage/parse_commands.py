"""Read commands, one a line, as Snakemake and its plugins do, without running them.

`python parse_commands.py < COMMANDS` runs in the checkout with the Python of the plugins. The first that is refused
ends it, with the reason.
"""

import shlex
import sys

from snakemake.cli import parse_args
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
from snakemake_interface_storage_plugins.registry import StoragePluginRegistry

for line in sys.stdin:
    _, args = parse_args(shlex.split(line, comments=True)[1:])
    executors, storages = ExecutorPluginRegistry(), StoragePluginRegistry()
    name = args.executor or "local"
    plugin = executors.get_plugin(name)
    plugin.validate_settings(plugin.get_settings(args))
    if storage := args.default_storage_provider:
        provider = storages.get_plugin(storage)
        settings = provider.get_settings(args).get_settings(None)
        if settings is not None:
            provider.validate_settings(settings)
        valid = provider.storage_provider.is_valid_query(f"{args.default_storage_prefix}/results/file")
        assert valid, f"{line}{valid}"
    print(name, storage)
