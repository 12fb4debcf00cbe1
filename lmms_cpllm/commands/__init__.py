"""The subcommands of `lmms-cpllm`, one module each."""
