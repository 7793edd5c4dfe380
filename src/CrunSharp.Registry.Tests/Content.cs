using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Registry.Tests;

/// <summary>Things to push and pull.</summary>
internal static class Content
{
    public static byte[] Bytes(int size, int seed = 1)
    {
        var bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static Descriptor Descriptor(byte[] bytes, string mediaType = MediaTypes.LayerGzip) =>
        new() { MediaType = mediaType, Digest = Digest.Of(bytes), Size = bytes.Length };

    public static byte[] Manifest(byte[] config, params byte[][] layers) => ImageJson.Write(new ImageManifest
    {
        MediaType = MediaTypes.Manifest,
        Config = Descriptor(config, MediaTypes.Config),
        Layers = [.. layers.Select(static layer => Descriptor(layer))],
    });

    public static byte[] SmallManifest { get; } = Manifest(Encoding.UTF8.GetBytes("{}"));

    public static async Task<byte[]> ReadAllAsync(Stream stream)
    {
        await using (stream)
        {
            using var all = new MemoryStream();
            await stream.CopyToAsync(all);
            return all.ToArray();
        }
    }

    public static Func<CancellationToken, ValueTask<Stream>> Opener(byte[] bytes) => _ => ValueTask.FromResult<Stream>(new MemoryStream(bytes));

    /// <summary>The error of something that has to fail.</summary>
    public static async Task<CrunException> FailureAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (CrunException error)
        {
            return error;
        }
        throw new AssertionException("it did not fail");
    }
}
