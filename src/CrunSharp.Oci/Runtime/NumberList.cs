using System.Globalization;

namespace CrunSharp.Oci.Runtime;

/// <summary>Lists of CPUs or memory nodes, such as <c>0-3,7</c>.</summary>
public static class NumberList
{
    /// <summary>The largest number: the kernel's CPUs and nodes have fewer.</summary>
    public const int Largest = 8191;

    /// <summary>Reads a list.</summary>
    /// <param name="text">Numbers and ranges with commas between them.</param>
    /// <param name="numbers">The numbers, ascending.</param>
    /// <returns>False when it is no list.</returns>
    public static bool TryParse(string text, out IReadOnlyList<int> numbers)
    {
        var found = new SortedSet<int>();
        numbers = [];
        foreach (var part in text.Split(','))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            var (first, last) = dash < 0 ? (part, part) : (part[..dash], part[(dash + 1)..]);
            if (!TryNumber(first, out var from) || !TryNumber(last, out var to) || from > to) return false;
            for (var number = from; number <= to; number++) found.Add(number);
        }
        numbers = [.. found];
        return true;
    }

    /// <summary>The list as the kernel takes it: bit n of the mask is number n.</summary>
    /// <exception cref="CrunException">It is no list.</exception>
    public static byte[] ToMask(string text)
    {
        if (!TryParse(text, out var numbers)) throw CrunException.Invalid($"\"{text}\" is no list of numbers such as 0-3,7");
        var mask = new byte[(numbers[^1] / 64 + 1) * 8];
        foreach (var number in numbers) mask[number / 8] |= (byte)(1 << number % 8);
        return mask;
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= Largest;
}
