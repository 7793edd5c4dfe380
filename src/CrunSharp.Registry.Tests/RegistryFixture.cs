namespace CrunSharp.Registry.Tests;

/// <summary>Tests with a client whose waits are over at once.</summary>
public abstract class RegistryFixture
{
    private protected QuickTime Time { get; private set; } = null!;

    private protected List<string> Notes { get; private set; } = null!;

    private protected RegistryOptions Options => new() { Time = Time, StallTimeout = QuickTime.Stall, Note = Notes.Add };

    [SetUp]
    public void Begin() => (Time, Notes) = (new QuickTime(), []);
}
