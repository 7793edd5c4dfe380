using System.Text.Json;

namespace CrunSharp.Oci.Json;

/// <summary>A field of a <see cref="JsonRecord{T}"/>.</summary>
internal abstract class JsonField<T>(string name, bool isRequired)
{
    public string Name => name;

    public bool IsRequired => isRequired;

    /// <summary>The record with the value that the reader is at.</summary>
    public abstract T Read(ref JsonTokens reader, T record);

    public abstract void Write(Utf8JsonWriter writer, T record);
}

internal sealed class JsonField<T, TValue>(string name, bool isRequired, JsonKind<TValue> kind, Func<T, TValue> get, Func<T, TValue, T> with)
    : JsonField<T>(name, isRequired)
{
    public override T Read(ref JsonTokens reader, T record) => with(record, kind.Read(ref reader));

    public override void Write(Utf8JsonWriter writer, T record)
    {
        writer.WritePropertyName(Name);
        kind.Write(writer, get(record));
    }
}

internal sealed class OptionalJsonField<T, TValue>(string name, JsonKind<TValue> kind, Func<T, TValue?> get, Func<T, TValue?, T> with)
    : JsonField<T>(name, isRequired: false) where TValue : class
{
    public override T Read(ref JsonTokens reader, T record) =>
        with(record, reader.TokenType == JsonTokenType.Null ? null : kind.Read(ref reader));

    public override void Write(Utf8JsonWriter writer, T record)
    {
        if (get(record) is not { } value) return;
        writer.WritePropertyName(Name);
        kind.Write(writer, value);
    }
}

internal sealed class OptionalValueJsonField<T, TValue>(string name, JsonKind<TValue> kind, Func<T, TValue?> get, Func<T, TValue?, T> with)
    : JsonField<T>(name, isRequired: false) where TValue : struct
{
    public override T Read(ref JsonTokens reader, T record) =>
        with(record, reader.TokenType == JsonTokenType.Null ? null : kind.Read(ref reader));

    public override void Write(Utf8JsonWriter writer, T record)
    {
        if (get(record) is not { } value) return;
        writer.WritePropertyName(Name);
        kind.Write(writer, value);
    }
}
