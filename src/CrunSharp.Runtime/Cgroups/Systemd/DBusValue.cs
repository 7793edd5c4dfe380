using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>A value of D-Bus with its type.</summary>
/// <param name="Signature">The type.</param>
/// <param name="Text">The value, to be read by people and compared.</param>
/// <param name="Write">Writes it.</param>
internal sealed record DBusValue(string Signature, string Text, Action<DBusWriter> Write)
{
    public static DBusValue Of(string value) => new("s", value, writer => writer.String(value));

    public static DBusValue Of(bool value) => new("b", value ? "true" : "false", writer => writer.Boolean(value));

    public static DBusValue Of(ulong value) => new("t", value.ToString(CultureInfo.InvariantCulture), writer => writer.UInt64(value));

    public static DBusValue Of(byte[] value) => new("ay", Convert.ToHexString(value), writer => writer.Array(1, items =>
    {
        foreach (var item in value) items.Byte(item);
    }));

    public static DBusValue OfNumbers(params uint[] values) => new("au", string.Join(' ', values), writer => writer.Array(4, items =>
    {
        foreach (var item in values) items.UInt32(item);
    }));

    public static DBusValue OfTexts(params string[] values) => new("as", string.Join(' ', values), writer => writer.Array(4, items =>
    {
        foreach (var item in values) items.String(item);
    }));

    /// <summary>
    /// Reads a value as people write it: <c>true</c>, <c>'text'</c>, <c>7</c>, <c>uint64 7</c>, <c>['a', 'b']</c>.
    /// </summary>
    /// <exception cref="CrunException">It is none of these.</exception>
    /// <seealso href="https://docs.gtk.org/glib/gvariant-text-format.html"/>
    public static DBusValue Parse(string text)
    {
        var trimmed = text.Trim();
        if (trimmed is "true" or "false") return Of(trimmed == "true");
        if (trimmed.StartsWith('[') && trimmed.EndsWith(']'))
        {
            var items = trimmed[1..^1].Trim();
            return OfTexts(items.Length == 0 ? [] : System.Array.ConvertAll(items.Split(','), item => Unquote(item.Trim()) ?? throw Invalid(text)));
        }
        if (Unquote(trimmed) is { } quoted) return Of(quoted);
        var space = trimmed.IndexOf(' ', StringComparison.Ordinal);
        var (type, number) = space < 0 ? ("int32", trimmed) : (trimmed[..space], trimmed[(space + 1)..].Trim());
        return type switch
        {
            "string" => Of(Unquote(number) ?? throw Invalid(text)),
            "objectpath" => Of(Unquote(number) ?? throw Invalid(text)) with { Signature = "o" },
            "byte" when byte.TryParse(number, CultureInfo.InvariantCulture, out var value) => new DBusValue("y", number, writer => writer.Byte(value)),
            "int16" when short.TryParse(number, CultureInfo.InvariantCulture, out var value) => new DBusValue("n", number, writer => writer.Int16(value)),
            "uint16" when ushort.TryParse(number, CultureInfo.InvariantCulture, out var value) => new DBusValue("q", number, writer => writer.Int16((short)value)),
            "int32" when int.TryParse(number, CultureInfo.InvariantCulture, out var value) => new DBusValue("i", number, writer => writer.UInt32((uint)value)),
            "uint32" when uint.TryParse(number, CultureInfo.InvariantCulture, out var value) => new DBusValue("u", number, writer => writer.UInt32(value)),
            "int64" when long.TryParse(number, CultureInfo.InvariantCulture, out var value) => new DBusValue("x", number, writer => writer.UInt64((ulong)value)),
            "uint64" when ulong.TryParse(number, CultureInfo.InvariantCulture, out var value) => Of(value),
            "double" when double.TryParse(number, CultureInfo.InvariantCulture, out var value) =>
                new DBusValue("d", number, writer => writer.UInt64(BitConverter.DoubleToUInt64Bits(value))),
            _ => throw Invalid(text),
        };
    }

    private static string? Unquote(string text) =>
        text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0] ? text[1..^1].Replace("\\" + text[0], text[..1], StringComparison.Ordinal) : null;

    private static CrunException Invalid(string text) => CrunException.Invalid($"{text} is no value that D-Bus has");
}
