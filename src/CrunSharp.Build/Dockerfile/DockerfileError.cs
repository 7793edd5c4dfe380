using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Errors in a Dockerfile: one line with file and lines, and for a terminal the text at fault with its columns.</summary>
public static class DockerfileError
{
    private const string ExcerptKey = "dockerfile.excerpt";
    private const string RangeKey = "dockerfile.range";
    private const string WordKey = "dockerfile.word";

    /// <summary>An error at some lines: <c>Dockerfile:3: unknown instruction: RUNN (did you mean RUN?)</c>.</summary>
    /// <param name="source">The Dockerfile.</param>
    /// <param name="range">The instruction's lines.</param>
    /// <param name="reason">What is wrong.</param>
    /// <param name="word">The word at fault, as it is written; null when it is the whole instruction.</param>
    public static CrunException At(DockerfileSource source, SourceRange range, string reason, string? word = null) =>
        Mark(new CrunException(ErrorKind.InvalidInput, reason, $"{source.Name}:{range}"), source, range, word);

    /// <summary>An error that an instruction's execution met, with the instruction's place in the file before it.</summary>
    public static CrunException Within(DockerfileSource source, SourceRange range, CrunException error) =>
        ExcerptOf(error) is not null ? error : Mark(error.Within($"{source.Name}:{range}"), source, range, WordOf(error));

    /// <summary>The lines at fault, numbered and marked; null when the error is not about a Dockerfile.</summary>
    public static string? ExcerptOf(Exception? error) => Find(error, ExcerptKey) as string;

    /// <summary>The lines at fault; null when the error is not about a Dockerfile.</summary>
    public static SourceRange? RangeOf(Exception? error) => Find(error, RangeKey) as SourceRange?;

    /// <summary>Says which word of an instruction an error is about.</summary>
    internal static CrunException About(this CrunException error, string word)
    {
        if (WordOf(error) is null) error.Data[WordKey] = word;
        return error;
    }

    /// <summary>The word that an error is about; null when nobody said it.</summary>
    internal static string? WordOf(Exception? error) => Find(error, WordKey) as string;

    private static object? Find(Exception? error, string key)
    {
        for (; error is not null; error = error.InnerException)
            if (error.Data[key] is { } value) return value;
        return null;
    }

    private static CrunException Mark(CrunException error, DockerfileSource source, SourceRange range, string? word)
    {
        error.Data[ExcerptKey] = source.Excerpt(range, source.Name, source.Find(range, word));
        error.Data[RangeKey] = range;
        return error;
    }
}
