using System.Globalization;
using System.Text.Json;

namespace CrunSharp.Engine.Logs;

/// <summary>A line of a container's log.</summary>
/// <param name="Text">The bytes with their line feed, if they have one.</param>
/// <param name="IsError">Whether they came from the standard error.</param>
/// <param name="Time">When, as it was written.</param>
public readonly record struct LogLine(byte[] Text, bool IsError, string Time)
{
    /// <summary>When.</summary>
    public DateTimeOffset Moment => DateTimeOffset.TryParse(Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) ? moment : default;

    /// <summary>Reads a line of JSON; null when it is none, as after a crash.</summary>
    internal static LogLine? TryParse(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            byte[] text = [];
            var isError = false;
            var time = "";
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                if (reader.ValueTextEquals("log"u8) && reader.Read())
                {
                    text = new byte[reader.ValueSpan.Length];
                    text = text[..reader.CopyString(text)];
                }
                else if (reader.ValueTextEquals("stream"u8) && reader.Read()) isError = reader.ValueTextEquals("stderr"u8);
                else if (reader.ValueTextEquals("time"u8) && reader.Read()) time = reader.GetString() ?? "";
            }
            return new LogLine(text, isError, time);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
