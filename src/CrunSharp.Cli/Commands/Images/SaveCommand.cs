using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>save</c>: writes images to an archive.</summary>
internal sealed class SaveCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<SaveCommand>("format", '\0', "string", "docker, or oci for an OCI layout", static (o, v) => o.SetFormat(v)) { Default = "\"docker\"" },
        new Value<SaveCommand>("output", 'o', "string", "The file; standard output without it", static (o, v) => o._output = v),
        ImagePlatform.Option<SaveCommand>("The platform that images must be for", static (o, v) => o._platform = v),
    ];

    private bool _oci;
    private string? _output;
    private Platform? _platform;

    public override string Synopsis => "[OPTIONS] IMAGE [IMAGE...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_output is null && context.OutputIsTerminal())
            throw CrunException.Invalid("cowardly refusing to save to a terminal: use the -o option or redirect");
        if (_output is not null && Path.GetDirectoryName(Path.GetFullPath(_output)) is { } folder && !Directory.Exists(folder))
            throw CrunException.NotFound($"invalid output path: directory \"{folder}\" does not exist");
        using var store = StoreAccess.Open(context);
        var images = Find(store, operands);
        foreach (var (image, names) in images) ImagePlatform.Check(image, names.Count > 0 ? names[0].Familiar : image.Id.Short, _platform);
        if (_output is not null)
        {
            SaveFile(store, images, _output);
            return ExitCodes.Success;
        }
        using var output = context.OpenOutput();
        Write(store, images, output);
        return ExitCodes.Success;
    }

    // The file is there whole or not at all; a device or a pipe is written as it is.
    private void SaveFile(Store store, IReadOnlyList<NamedImage> images, string path)
    {
        const OpenFlags write = OpenFlags.O_WRONLY;
        if (FileAt.TryStatus(null, path, followLinks: true) is { Kind: not FileKind.Regular } status)
        {
            if (status.Kind == FileKind.Directory) throw CrunException.Invalid("is a directory", $"write {path}");
            using var special = new FileStream(FileAt.Open(null, path, write), FileAccess.Write, bufferSize: 1);
            Write(store, images, special);
            return;
        }
        var slash = path.LastIndexOf('/') + 1;
        var temporary = $"{path[..slash]}.{path[slash..]}.{Environment.ProcessId:x}.tmp";
        try
        {
            using (var file = new FileStream(FileAt.Open(null, temporary, write | OpenFlags.O_CREAT | OpenFlags.O_TRUNC | OpenFlags.O_NOFOLLOW, 0x180), FileAccess.Write, bufferSize: 1))
                Write(store, images, file);
            FileAt.Rename(null, temporary, null, path);
        }
        catch
        {
            FileAt.Remove(null, temporary);
            throw;
        }
    }

    private void Write(Store store, IReadOnlyList<NamedImage> images, Stream output)
    {
        using var buffered = new BufferedStream(output, 1 << 16);
        if (_oci) OciLayout.Save(store, images, buffered);
        else DockerArchive.Save(store, images, buffered);
    }

    private static List<NamedImage> Find(Store store, IReadOnlyList<string> operands)
    {
        var images = new List<NamedImage>();
        foreach (var operand in operands)
        {
            foreach (var (image, names) in Find(store, operand))
            {
                var same = images.FindIndex(i => i.Image.Id == image.Id);
                if (same < 0) images.Add(new NamedImage(image, names));
                else images[same] = images[same] with { Names = [.. images[same].Names.Union(names)] };
            }
        }
        return images;
    }

    // A repository without a tag stands for all of its tags, an id for the image without names.
    private static IEnumerable<NamedImage> Find(Store store, string operand)
    {
        var known = ImageReference.TryParse(operand, out var name);
        if (known && IsRepository(operand))
        {
            var tagged = new List<NamedImage>();
            foreach (var each in store.Images.List())
            {
                var names = each.Names.Where(n => n.Tag is not null && n.Host == name.Host && n.Path == name.Path).ToList();
                if (names.Count > 0) tagged.Add(new NamedImage(each, names));
            }
            if (tagged.Count > 0) return tagged;
        }
        var image = store.Images.Resolve(operand);
        return [new NamedImage(image, known && image.Names.Contains(name) ? [name] : [])];
    }

    private static bool IsRepository(string operand) =>
        !operand.Contains('@', StringComparison.Ordinal) && operand.LastIndexOf(':') <= operand.LastIndexOf('/');

    private void SetFormat(string text) => _oci = text switch
    {
        "docker" => false,
        "oci" => true,
        _ => throw CrunException.Invalid("must be one of docker, oci"),
    };
}
