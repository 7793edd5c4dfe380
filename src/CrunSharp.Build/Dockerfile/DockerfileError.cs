using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Errors in a Dockerfile: one line with file and line range, and the text at fault for a terminal.</summary>
public static class DockerfileError
{
    private const string ExcerptKey = "dockerfile.excerpt";
    private const string RangeKey = "dockerfile.range";

    /// <summary>An error at some lines: <c>Dockerfile:3: unknown instruction: RUNN (did you mean RUN?)</c>.</summary>
    public static CrunException At(DockerfileSource source, SourceRange range, string reason) =>
        WithExcerpt(new CrunException(ErrorKind.InvalidInput, reason, $"{source.Name}:{range}"), source, range);

    /// <summary>An error that an instruction's execution met, with the instruction's place in the file before it.</summary>
    public static CrunException Within(DockerfileSource source, SourceRange range, CrunException error) =>
        ExcerptOf(error) is not null ? error : WithExcerpt(error.Within($"{source.Name}:{range}"), source, range);

    /// <summary>The lines at fault, numbered and marked; null when the error is not about a Dockerfile.</summary>
    public static string? ExcerptOf(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
            if (error.Data[ExcerptKey] is string excerpt) return excerpt;
        return null;
    }

    /// <summary>The lines at fault; null when the error is not about a Dockerfile.</summary>
    public static SourceRange? RangeOf(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
            if (error.Data[RangeKey] is SourceRange range) return range;
        return null;
    }

    private static CrunException WithExcerpt(CrunException error, DockerfileSource source, SourceRange range)
    {
        error.Data[ExcerptKey] = source.Excerpt(range);
        error.Data[RangeKey] = range;
        return error;
    }
}
