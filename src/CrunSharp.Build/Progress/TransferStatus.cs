namespace CrunSharp.Build.Progress;

/// <summary>How far something has come that a step brings or sends: a layer, a file.</summary>
/// <param name="Id">What moves: mostly a digest.</param>
/// <param name="Action">What is done with it: <c>downloading</c>, <c>extract</c>, <c>pushing</c>, <c>exists</c>.</param>
/// <param name="Current">How many bytes were moved.</param>
/// <param name="Total">How many there are; 0 when nobody knows.</param>
/// <param name="IsComplete">Whether that is all.</param>
public readonly record struct TransferStatus(string Id, string Action, long Current, long Total, bool IsComplete);
