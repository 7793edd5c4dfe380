using System.Text.Json;

namespace CrunSharp.Oci.Json;

/// <summary>A document, or a part of one: an object with fields, by a table of them.</summary>
/// <remarks>
/// A field that is not in the table is passed over, or kept where the table has <see cref="Unknown"/>; of a field that
/// is there twice the last one counts. <c>null</c> is refused except for optional fields, for which it means that they
/// are not there.
/// </remarks>
/// <typeparam name="T">The record.</typeparam>
/// <param name="empty">The record before any field was read; never handed out with a required field missing.</param>
public sealed class JsonRecord<T>(T empty) : JsonKind<T> where T : class
{
    private readonly List<JsonField<T>> _fields = [];
    private Func<T, Dictionary<string, JsonElement>?>? _unknown;
    private Func<T, Dictionary<string, JsonElement>, T>? _withUnknown;

    /// <summary>Adds a field that has to be there.</summary>
    public JsonRecord<T> Required<TValue>(string name, JsonKind<TValue> kind, Func<T, TValue> get, Func<T, TValue, T> with) =>
        Add(new JsonField<T, TValue>(name, true, kind, get, with));

    /// <summary>Adds a field that keeps its value in the empty record when it is not there; it is always written.</summary>
    public JsonRecord<T> Field<TValue>(string name, JsonKind<TValue> kind, Func<T, TValue> get, Func<T, TValue, T> with) =>
        Add(new JsonField<T, TValue>(name, false, kind, get, with));

    /// <summary>Adds a field that may be null, and is not written then.</summary>
    public JsonRecord<T> Optional<TValue>(string name, JsonKind<TValue> kind, Func<T, TValue?> get, Func<T, TValue?, T> with) where TValue : class =>
        Add(new OptionalJsonField<T, TValue>(name, kind, get, with));

    /// <summary>Adds a field that may be null, and is not written then.</summary>
    public JsonRecord<T> OptionalValue<TValue>(string name, JsonKind<TValue> kind, Func<T, TValue?> get, Func<T, TValue?, T> with) where TValue : struct =>
        Add(new OptionalValueJsonField<T, TValue>(name, kind, get, with));

    /// <summary>Keeps what is not in the table; it is written after all that is.</summary>
    public JsonRecord<T> Unknown(Func<T, Dictionary<string, JsonElement>?> get, Func<T, Dictionary<string, JsonElement>, T> with)
    {
        (_unknown, _withUnknown) = (get, with);
        return this;
    }

    /// <inheritdoc/>
    public override T Read(ref JsonTokens reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw JsonKind.Expected("an object", reader.TokenType);
        var (value, seen, next) = (empty, 0UL, 0);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var field = Find(ref reader, next);
            if (field < 0)
            {
                value = Keep(ref reader, value);
                continue;
            }
            reader.Read();
            value = _fields[field].Read(ref reader, value);
            seen |= 1UL << field;
            next = field + 1;
        }
        for (var i = 0; i < _fields.Count; i++)
        {
            if (_fields[i].IsRequired && (seen & (1UL << i)) == 0) throw new JsonException($"{_fields[i].Name} is missing");
        }
        return value;
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value)
    {
        writer.WriteStartObject();
        foreach (var field in _fields) field.Write(writer, value);
        foreach (var (name, element) in _unknown?.Invoke(value) ?? [])
        {
            writer.WritePropertyName(name);
            element.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    private JsonRecord<T> Add(JsonField<T> field)
    {
        if (_fields.Count == 64) throw new InvalidOperationException("a record has at most 64 fields");
        _fields.Add(field);
        return this;
    }

    // Fields come mostly in the order in which they are written.
    private int Find(ref JsonTokens reader, int next)
    {
        for (var i = 0; i < _fields.Count; i++)
        {
            var at = next + i < _fields.Count ? next + i : next + i - _fields.Count;
            if (reader.TextEquals(_fields[at].Name)) return at;
        }
        return -1;
    }

    private T Keep(ref JsonTokens reader, T value)
    {
        if (_withUnknown is null)
        {
            reader.Read();
            reader.Skip();
            return value;
        }
        var name = reader.GetString();
        reader.Read();
        var kept = _unknown!(value) ?? [];
        var element = new Utf8JsonReader(reader.SkipBytes());
        kept[name] = JsonElement.ParseValue(ref element);
        return _withUnknown(value, kept);
    }
}
