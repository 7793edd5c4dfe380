// Two worlds at a time: most of a test is waiting for the kernel.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(2)]
