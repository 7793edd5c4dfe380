using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>An instruction's flags, checked against those that it knows.</summary>
internal sealed class InstructionFlags
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    /// <summary>Checks flags.</summary>
    /// <param name="flags">The words with <c>--</c>.</param>
    /// <param name="known">The names that are known: <c>name</c>, <c>name?</c> for a boolean, <c>name*</c> for several.</param>
    /// <exception cref="CrunException">A flag is unknown, given twice, or its value is missing or wrong.</exception>
    public InstructionFlags(IReadOnlyList<string> flags, params string[] known)
    {
        foreach (var flag in flags)
        {
            var equals = flag.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? flag[2..] : flag[2..equals];
            try
            {
                Add(name, equals < 0 ? null : flag[(equals + 1)..], known);
            }
            catch (CrunException error)
            {
                throw error.About(flag);
            }
        }
    }

    /// <summary>A flag's value; null when it was not given.</summary>
    public string? Get(string name) => _values.TryGetValue(name, out var values) ? values[0] : null;

    /// <summary>A boolean flag's value; null when it was not given.</summary>
    public bool? GetBoolean(string name) => Get(name) is { } value ? value == "true" : null;

    /// <summary>All values of a flag that may be given several times.</summary>
    public IReadOnlyList<string> GetAll(string name) => _values.TryGetValue(name, out var values) ? values : [];

    private void Add(string name, string? value, string[] known)
    {
        var kind = known.FirstOrDefault(k => k.TrimEnd('?', '*') == name)
            ?? throw CrunException.Invalid($"unknown flag: --{name}{Suggestion.For(name, known.Select(static k => k.TrimEnd('?', '*')))}");
        if (kind.EndsWith('?'))
        {
            if (value is "") throw CrunException.Invalid($"missing a value on flag: --{name}");
            value = value?.ToLowerInvariant() ?? "true";
            if (value is not ("true" or "false")) throw CrunException.Invalid($"expecting boolean value for flag --{name}, not: {value}");
        }
        if (value is null) throw CrunException.Invalid($"missing a value on flag: --{name}");
        if (!_values.TryGetValue(name, out var values)) _values[name] = values = [];
        else if (!kind.EndsWith('*')) throw CrunException.Invalid($"duplicate flag specified: --{name}");
        values.Add(value);
    }
}
