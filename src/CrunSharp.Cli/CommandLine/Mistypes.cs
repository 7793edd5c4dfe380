using System.Runtime.InteropServices;
using CrunSharp.Cli.Commands;

namespace CrunSharp.Cli.CommandLine;

/// <summary>What people type and docker does not understand, but we can.</summary>
internal static class Mistypes
{
    /// <summary>
    /// <c>images VERB …</c> is <c>image VERB …</c> and <c>containers VERB …</c> is <c>container VERB …</c>: courses teach
    /// it so. One line on standard error tells the right form.
    /// </summary>
    public static ReadOnlySpan<string> Correct(ReadOnlySpan<string> words, CommandContext context)
    {
        if (words.Length < 2 || words[0].Length < 2 || words[0][^1] != 's' || words[1].StartsWith('-')) return words;
        var noun = words[0][..^1];
        if (CommandTable.FindGroup(noun) is null || Shell.Find([noun, words[1]], out _) is not { } row) return words;
        // 'images ls' alone could be a search for the repository 'ls'.
        if (words.Length == 2 && noun == "image" && words[1] is not ("ls" or "prune")) return words;
        if (row.Section == Section.Hidden) return words;
        context.Complain($"taken as '{context.Program} {noun} {words[1]}'");
        return (string[])[noun, .. words[1..]];
    }

    /// <summary>The commands whose names are nearest to a wrong one, joined by commas; empty when none is near.</summary>
    public static string Nearest(string verb, string noun)
    {
        var near = new List<string>();
        var best = verb.Length <= 4 ? 1 : 2;
        void Consider(string name)
        {
            var distance = name.StartsWith(verb, StringComparison.Ordinal) && verb.Length > 1 ? 1 : Distance(verb, name);
            if (distance > best) return;
            if (distance < best) near.Clear();
            best = distance;
            if (!near.Contains(name)) near.Add(name);
        }
        foreach (var row in CommandTable.Rows)
        {
            if (row.Section != Section.Hidden && row.VerbOf(noun) is { } name) Consider(name);
        }
        if (noun.Length == 0)
        {
            foreach (var group in CommandTable.Groups)
            {
                if (group.HasVisible && group.IsTop) Consider(group.Name);
            }
        }
        else
        {
            foreach (var group in CommandTable.Groups)
            {
                if (group.VerbOf(noun) is { } name) Consider(name);
            }
        }
        CollectionsMarshal.AsSpan(near).Sort(StringComparer.Ordinal);
        return string.Join(", ", near);
    }

    /// <summary>How many letters must be added, dropped, replaced or swapped with their neighbour.</summary>
    public static int Distance(string from, string to)
    {
        var before = new int[to.Length + 1];
        var last = new int[to.Length + 1];
        var now = new int[to.Length + 1];
        for (var j = 0; j <= to.Length; j++) last[j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            now[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                now[j] = Math.Min(Math.Min(last[j], now[j - 1]) + 1, last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) now[j] = Math.Min(now[j], before[j - 2] + 1);
            }
            (before, last, now) = (last, now, before);
        }
        return last[to.Length];
    }
}
