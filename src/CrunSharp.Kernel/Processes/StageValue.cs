
namespace CrunSharp.Kernel.Processes;

/// <summary>
/// What a step of a <see cref="StagePlan"/> is given: a number that is known now, or the content of a slot that an
/// earlier step fills in.
/// </summary>
public readonly record struct StageValue
{
    private StageValue(ulong value, bool isSlot) => (Value, IsSlot) = (value, isSlot);

    internal ulong Value { get; }
    internal bool IsSlot { get; }

    /// <summary>A number.</summary>
    public static implicit operator StageValue(long value) => new((ulong)value, false);

    /// <summary>A number or an address in the plan.</summary>
    public static implicit operator StageValue(ulong value) => new(value, false);

    /// <summary>A number.</summary>
    public static implicit operator StageValue(int value) => new((ulong)(long)value, false);

    internal static StageValue Slot(ulong address) => new(address, true);
}

/// <summary>Where the plan goes on; set by <see cref="StagePlan.Place"/>.</summary>
public sealed class StageLabel
{
    internal int Step { get; set; } = -1;
}
