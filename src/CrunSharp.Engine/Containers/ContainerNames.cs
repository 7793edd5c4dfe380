namespace CrunSharp.Engine.Containers;

/// <summary>Made-up names: a mood and somebody whom computing owes much.</summary>
internal static class ContainerNames
{
    private static readonly string[] Moods =
    [
        "able", "amber", "brave", "bright", "calm", "clever", "cosmic", "curious", "daring", "eager", "early", "fair", "fearless", "fluent",
        "gentle", "glad", "golden", "happy", "honest", "humble", "jolly", "keen", "kind", "lively", "lucid", "lucky", "mellow", "merry",
        "modest", "nimble", "noble", "patient", "plucky", "polite", "proud", "quick", "quiet", "ready", "serene", "sharp", "silent", "sleek",
        "smart", "snug", "solid", "steady", "sunny", "swift", "tidy", "vivid", "warm", "wise", "witty", "zesty",
    ];

    private static readonly string[] People =
    [
        "aiken", "allen", "babbage", "backus", "bartik", "berners", "boole", "borg", "brooks", "cerf", "church", "clarke", "codd", "cox",
        "cray", "dahl", "diffie", "dijkstra", "engelbart", "floyd", "goldberg", "hamilton", "hamming", "hellman", "hoare", "hopper", "holberton",
        "huffman", "iverson", "kahn", "karp", "kay", "keller", "kernighan", "kilby", "knuth", "lamarr", "lamport", "liskov", "lovelace",
        "mccarthy", "mcilroy", "merkle", "milner", "minsky", "naur", "neumann", "nygaard", "perlis", "perlman", "postel", "ritchie", "rivest",
        "shannon", "sutherland", "tarjan", "thompson", "torvalds", "turing", "wilkes", "wilkinson", "wing", "wirth", "zuse",
    ];

    /// <summary>A name of the form <c>mood_person</c>.</summary>
    public static string Random() => $"{Moods[System.Random.Shared.Next(Moods.Length)]}_{People[System.Random.Shared.Next(People.Length)]}";
}
