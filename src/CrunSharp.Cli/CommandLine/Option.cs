using CrunSharp.Oci;

namespace CrunSharp.Cli.CommandLine;

/// <summary>One option of a command: how it is written, what help says of it, and where its value goes.</summary>
/// <param name="name">The long name, without dashes.</param>
/// <param name="letter">The short name; NUL for none.</param>
/// <param name="type">What help shows for its value, in Docker's words (<c>string</c>, <c>list</c>, <c>bytes</c>); empty for a flag.</param>
/// <param name="summary">What it does, in a few words.</param>
internal abstract class Option(string name, char letter, string type, string summary)
{
    public string Name { get; } = name;

    public char Letter { get; } = letter;

    public string Type { get; } = type;

    public string Summary { get; } = summary;

    /// <summary>The default as help shows it; null for the type's own.</summary>
    public string? Default { get; init; }

    /// <summary>Whether it is accepted but not shown.</summary>
    public bool Hidden { get; init; }

    /// <summary>Whether a bad value is reported without naming the option, as Docker does for what it checks after parsing.</summary>
    public bool Late { get; init; }

    public bool IsFlag => Type.Length == 0;

    /// <summary>As errors name it: <c>-m, --memory</c>.</summary>
    public string Label => Letter == '\0' ? $"--{Name}" : $"-{Letter}, --{Name}";

    /// <summary>Stores a value in the record that the command reads.</summary>
    /// <exception cref="CrunException">The text is no value of this type.</exception>
    public abstract void Set(object target, string text);
}

/// <summary>An option that takes a value; one that repeats appends in its setter.</summary>
/// <typeparam name="T">The record that it fills.</typeparam>
internal sealed class Value<T>(string name, char letter, string type, string summary, Action<T, string> set)
    : Option(name, letter, type, summary)
    where T : class
{
    public override void Set(object target, string text) => set((T)target, text);
}

/// <summary>An option that is on or off; <c>--name=false</c> turns it off.</summary>
/// <typeparam name="T">The record that it fills.</typeparam>
internal sealed class Flag<T>(string name, char letter, string summary, Action<T, bool> set)
    : Option(name, letter, "", summary)
    where T : class
{
    public override void Set(object target, string text) => set((T)target, text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw CrunException.Invalid($"strconv.ParseBool: parsing \"{text}\": invalid syntax"),
    });
}
