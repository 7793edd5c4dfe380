using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage;

/// <summary>The order of names by their bytes, which is not quite that of their characters.</summary>
internal sealed class NameOrder : IComparer<string>
{
    public static NameOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        var a = x!.AsSpan();
        var b = y!.AsSpan();
        var same = a.CommonPrefixLength(b);
        if (same == a.Length || same == b.Length) return a.Length - b.Length;
        // Below the surrogates, UTF-16 sorts as UTF-8 does.
        if (a[same] < 0xd800 && b[same] < 0xd800) return a[same] - b[same];
        return PathEncoding.Encode(x!).AsSpan().SequenceCompareTo(PathEncoding.Encode(y!));
    }
}
