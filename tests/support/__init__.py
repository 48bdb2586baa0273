"""What the tests and the benchmarks share: real servers, proxies, generated mail, profiles."""
