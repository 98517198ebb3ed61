"""Dark currents and the temperature: `doubling` fits by how many degrees they double, where photos tell theirs."""
