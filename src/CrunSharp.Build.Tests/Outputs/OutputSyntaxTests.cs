using CrunSharp.Build.Outputs;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Tests.Outputs;

/// <summary>The values of <c>--output</c>, <c>--annotation</c> and <c>--provenance</c>, as buildx reads them.</summary>
public sealed class OutputSyntaxTests
{
    [TestCase("out", OutputType.Local, "out")]
    [TestCase("./a=b", OutputType.Local, "./a=b")]
    [TestCase("-", OutputType.Tar, "-")]
    [TestCase("type=local,dest=x y", OutputType.Local, "x y")]
    [TestCase("dest=x,type=tar", OutputType.Tar, "x")]
    [TestCase("TYPE=tar, DEST=x", OutputType.Tar, "x")]
    [TestCase("type=tar", OutputType.Tar, "-")]
    [TestCase("type=oci", OutputType.Oci, "-")]
    [TestCase("type=docker", OutputType.Docker, null)]
    [TestCase("type=docker,dest=-", OutputType.Docker, "-")]
    [TestCase("type=image", OutputType.Image, null)]
    [TestCase("type=registry", OutputType.Image, null)]
    [TestCase("type=cacheonly", OutputType.CacheOnly, null)]
    [TestCase("\"type=oci\",\"dest=a,b\"\"c\"", OutputType.Oci, "a,b\"c")]
    public void Types_and_destinations_are_read(string text, OutputType type, string? destination)
    {
        var output = OutputSyntax.Parse(text);
        Assert.That((output.Type, output.Destination), Is.EqualTo((type, destination)));
        Assert.That(output.Push, Is.EqualTo(text == "type=registry"));
    }

    [Test]
    public void Attributes_are_read()
    {
        var output = OutputSyntax.Parse("type=image,\"name=a,example.com/b:v2\",name=c,push-by-digest,compression=zstd,compression-level=19,force-compression=true,store=false,registry.insecure=true,rewrite-timestamp=1,annotation.Key=a=b,annotation-manifest-descriptor[linux/arm64].x=y".Replace("push-by-digest,", "push-by-digest=true,", StringComparison.Ordinal));
        Assert.Multiple(() =>
        {
            Assert.That(output.Names.Select(static name => name.Familiar), Is.EqualTo((string[])["a:latest", "example.com/b:v2", "c:latest"]));
            Assert.That((output.Push, output.PushByDigest, output.Store, output.VerifyTls, output.RewriteTimestamp), Is.EqualTo((true, true, false, false, true)));
            Assert.That(output.Compression, Is.EqualTo(new OutputCompression(CompressionKind.Zstd, 19, true)));
            Assert.That(output.Annotations[0], Is.EqualTo(new Annotation(AnnotationPlace.Manifest, null, "Key", "a=b")));
            Assert.That((output.Annotations[1].Place, output.Annotations[1].Platform?.ToString(), output.Annotations[1].Key), Is.EqualTo((AnnotationPlace.ManifestDescriptor, "linux/arm64", "x")));
        });
    }

    [TestCase("", "the output is empty")]
    [TestCase("type=", "unknown output type \"\": local, tar, oci, docker, image, registry, cacheonly are known")]
    [TestCase("type=Local,dest=x", "unknown output type \"Local\": local, tar, oci, docker, image, registry, cacheonly are known")]
    [TestCase("a,b", "invalid value a, expected attribute=value")]
    [TestCase("type=tar,desk=x", "unknown attribute \"desk\" of the output type tar (did you mean dest?)")]
    [TestCase("type=tar,annotation.x=y,annotationz=2", "\"annotationz\" names no annotation: annotation.KEY=VALUE is expected")]
    [TestCase("type=local,dest=-", "dest cannot be standard output for the output type local")]
    [TestCase("type=oci,tar=false,dest=-", "dest is required for the output type oci with tar=false")]
    [TestCase("type=oci,compression=uncompressed,compression-level=1", "compression=uncompressed has no compression-level")]
    [TestCase("type=image,name=a@sha256:0000000000000000000000000000000000000000000000000000000000000000", "a@sha256:0000000000000000000000000000000000000000000000000000000000000000: an image cannot be named by a digest")]
    [TestCase("type=tar,\"dest=x\"y", "\"type=tar,\"dest=x\"y\": a quote ends in the middle of a field")]
    [TestCase("type=tar,dest=x\"y", "\"type=tar,dest=x\"y\": a quote in a field that does not begin with one")]
    [TestCase("type=local,dest=x,mode=sync", "mode=sync: must be copy or delete")]
    public void What_is_wrong_is_told(string text, string message) =>
        Assert.That(Assert.Throws<CrunException>(() => OutputSyntax.Parse(text))!.Message, Is.EqualTo(message));

    [TestCase("k=v", "Manifest||k|v")]
    [TestCase("k=", "Manifest||k|")]
    [TestCase("index:org.x=a:b=c", "Index||org.x|a:b=c")]
    [TestCase("manifest[linux/arm/v7],index-descriptor:k=v", "Manifest|linux/arm/v7|k|v IndexDescriptor||k|v")]
    public void Annotations_are_read(string text, string read) =>
        Assert.That(string.Join(' ', Annotation.Parse(text).Select(static a => $"{a.Place}|{a.Platform}|{a.Key}|{a.Value}")), Is.EqualTo(read));

    [TestCase("=v")]
    [TestCase("index:=v")]
    [TestCase("index[linux/amd64]:k=v")]
    [TestCase("manifest[linux:k=v")]
    public void What_is_no_annotation_is_refused(string text) => Assert.Throws<CrunException>(() => Annotation.Parse(text));

    [TestCase("true", "False True")]
    [TestCase("mode=max", "True True")]
    [TestCase("type=provenance,mode=min,version=v0.2", "False False")]
    [TestCase("false", "")]
    [TestCase("mode=max,disabled=true", "")]
    public void Provenance_is_read(string text, string read) =>
        Assert.That(ProvenanceSyntax.Parse(text) is { } options ? $"{options.IsFull} {options.IsFirstVersion}" : "", Is.EqualTo(read));
}
