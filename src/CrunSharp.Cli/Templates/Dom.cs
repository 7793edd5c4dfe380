using System.Runtime.InteropServices;

namespace CrunSharp.Cli.Templates;

/// <summary>
/// An object of the documents that templates walk. Values are null, bool, long, double, string, a list of values
/// (<see cref="IReadOnlyList{T}"/> of object), another <see cref="DomObject"/>, or a <see cref="DomFunction"/>.
/// </summary>
internal sealed class DomObject
{
    private const int FewMembers = 16;
    private readonly List<KeyValuePair<string, object?>> _members = [];
    private Dictionary<string, int>? _index;

    /// <summary>
    /// Whether its names are data (labels, ports), not fields: a name that is missing has no value then, and is no error.
    /// </summary>
    public bool IsMap { get; init; }

    public IReadOnlyList<KeyValuePair<string, object?>> Members => _members;

    public object? this[string name]
    {
        get => TryGet(name, out var value) ? value : null;
        set
        {
            var at = IndexOf(name);
            if (at < 0)
            {
                _members.Add(new(name, value));
                _index?.Add(name, _members.Count - 1);
            }
            else _members[at] = new(name, value);
        }
    }

    public bool TryGet(string name, out object? value)
    {
        var at = IndexOf(name);
        value = at < 0 ? null : _members[at].Value;
        return at >= 0;
    }

    /// <summary>Orders the members by name.</summary>
    public void Sort()
    {
        CollectionsMarshal.AsSpan(_members).Sort(static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        _index = null;
    }

    private int IndexOf(string name)
    {
        if (_members.Count > FewMembers)
        {
            if (_index is null)
            {
                _index = new Dictionary<string, int>(StringComparer.Ordinal);
                for (var i = 0; i < _members.Count; i++) _index.Add(_members[i].Key, i);
            }
            return _index.TryGetValue(name, out var at) ? at : -1;
        }
        for (var i = 0; i < _members.Count; i++)
        {
            if (_members[i].Key == name) return i;
        }
        return -1;
    }
}

/// <summary>A member that is called with arguments: <c>.Label "name"</c>.</summary>
internal sealed class DomFunction(Func<object?[], object?> call)
{
    public object? Call(object?[] arguments) => call(arguments);
}
