using System.Text;
using CrunSharp.Storage.Tar;

namespace CrunSharp.Storage.Tests;

/// <summary>Small tars for tests.</summary>
internal static class TestTar
{
    public static byte[] Of(params (string Name, string Content)[] files) =>
        Write(writer =>
        {
            foreach (var (name, content) in files) File(writer, name, content);
        });

    public static byte[] Write(Action<TarWriter> write)
    {
        using var output = new MemoryStream();
        var writer = new TarWriter(output);
        write(writer);
        writer.Finish();
        return output.ToArray();
    }

    public static void File(TarWriter writer, string name, string content, uint mode = 0x1a4)
    {
        var bytes = Encoding.UTF8.GetBytes(content);
        writer.Begin(new TarEntry { Name = name, Kind = TarKind.File, Mode = mode, Size = bytes.Length });
        writer.Write(bytes);
    }

    public static void Entry(TarWriter writer, TarKind kind, string name, string target = "", uint mode = 0x1ed) =>
        writer.Begin(new TarEntry { Name = name, Kind = kind, Target = target, Mode = mode });
}
