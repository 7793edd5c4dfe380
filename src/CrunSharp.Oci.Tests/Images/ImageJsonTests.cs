using System.Text;
using CrunSharp.Oci.Images;

namespace CrunSharp.Oci.Tests.Images;

[TestFixture]
public class ImageJsonTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    private const string Config = $$$"""
        {"created":"2026-01-02T03:04:05Z","author":"Grace <g@example.org>","architecture":"amd64","os":"linux","config":{"User":"1000","ExposedPorts":{"80/tcp":{}},"Env":["A=ü","B="],"Cmd":["sh"],"Healthcheck":{"Test":["NONE"],"Interval":30000000000,"Retries":3},"ArgsEscaped":true,"Volumes":{"/data":{}},"Labels":{"a":"b","c":""},"StopTimeout":5,"Domainname":"x"},"rootfs":{"type":"layers","diff_ids":["sha256:{{{Hex}}}"]},"history":[{"created_by":"COPY","empty_layer":true}],"moby.buildkit.x":{"deep":[1,2.50,null]}}
        """;

    private const string Manifest = $$$"""
        {"schemaVersion":2,"mediaType":"m","config":{"mediaType":"c","digest":"sha256:{{{Hex}}}","size":9007199254740993},"layers":[{"mediaType":"l","digest":"sha256:{{{Hex}}}","size":0,"urls":["u"],"annotations":{"k":"v"},"platform":{"architecture":"arm","os":"linux","variant":"v7","os.version":"1"}}],"annotations":{"a":"b"},"later":true}
        """;

    [Test]
    public void A_configuration_is_written_as_it_was_read_with_what_is_not_known() =>
        Assert.That(Text(ImageJson.Write(ImageJson.ReadConfig(Bytes(Config)))), Is.EqualTo(Config));

    [Test]
    public void A_manifest_and_an_index_are_written_as_they_were_read()
    {
        Assert.That(Text(ImageJson.Write(ImageJson.ReadManifest(Bytes(Manifest)))), Is.EqualTo(Manifest));
        var index = $$"""{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:{{Hex}}","size":1,"artifactType":"t"}],"x":1}""";
        Assert.That(Text(ImageJson.Write(ImageJson.ReadIndex(Bytes(index)))), Is.EqualTo(index));
    }

    [Test]
    public void Fields_may_come_in_any_order_with_spaces_and_escapes_and_null_for_those_that_may_be_missing()
    {
        var config = ImageJson.ReadConfig(Bytes($$"""
            { "rootfs" : { "diff_ids" : [] }, "os": "linux", "config": { "Env": null, "Labels": {"k": "\u00fc"} },
              "history": null, "archi\u0074ecture": "amd64" }
            """));
        Assert.That(config.Architecture, Is.EqualTo("amd64"));
        Assert.That(config.Config!.Env, Is.Null);
        Assert.That(config.Config!.Labels!["k"], Is.EqualTo("ü"));
        Assert.That(config.Unknown, Is.Null);
    }

    [Test]
    public void What_one_configuration_has_is_not_in_the_next_one()
    {
        ImageJson.ReadConfig(Bytes(Config));
        var next = ImageJson.ReadConfig(Bytes("""{"architecture":"a","os":"o","config":{},"rootfs":{"diff_ids":[]}}"""));
        Assert.That((next.Unknown, next.Config!.Unknown, next.Config.Env), Is.EqualTo(((object?)null, (object?)null, (object?)null)));
    }

    [TestCase("", "$ (line 1, byte 1)")]
    [TestCase("null", "$ (line 1, byte 1): an object is expected, not null")]
    [TestCase("[]", "$ (line 1, byte 1): an object is expected, not a list")]
    [TestCase("""{"architecture":"a","os":"o"}""", "$ (line 1, byte 29): rootfs is missing")]
    [TestCase("""{"os":7}""", "$.os (line 1, byte 7): a string is expected, not a number")]
    [TestCase("""{"os":null}""", "$.os (line 1, byte 7): a string is expected, not null")]
    [TestCase("{\n \"config\":{\"Env\":[\"A=b\",null]}}", "$.config.Env[1] (line 2, byte 25): a string is expected, not null")]
    [TestCase("""{"config":{"StopTimeout":1.5}}""", "$.config.StopTimeout (line 1, byte 26): the number is no whole one of 32 bits")]
    [TestCase("""{"rootfs":{"diff_ids":["sha256:x"]}}""", "$.rootfs.diff_ids[0] (line 1, byte 24): invalid digest \"sha256:x\"")]
    [TestCase("""{"a\nb":[{"c":tru}]}""", "$.?[0].c (line 1, byte 15)")]
    [TestCase("""{"config":{"Env":[tru]}}""", "$.config.Env (line 1, byte 19)")]
    [TestCase("""{"architecture":"a","os":"o","rootfs":{"diff_ids":[]}} {}""", "$ (line 1, byte 56)")]
    public void A_malformed_configuration_is_refused_with_its_position(string json, string position) =>
        Assert.That(() => ImageJson.ReadConfig(Bytes(json)), Throws.TypeOf<CrunException>()
            .With.Property("Kind").EqualTo(ErrorKind.Integrity).And.Message.EqualTo($"the image config is malformed at {position}"));

    [Test]
    public void Text_that_is_no_utf8_is_refused()
    {
        byte[] json = [.. "{\"os\":\""u8, 0xc3, 0x28, .. "\"}"u8];
        Assert.That(() => ImageJson.ReadConfig(json), Throws.TypeOf<CrunException>().With.Message.Contains("$.os (line 1, byte 7)"));
    }

    [Test]
    public void Nesting_without_end_is_refused()
    {
        var json = $"{{\"x\":{new string('[', 100_000)}";
        Assert.That(() => ImageJson.ReadConfig(Bytes(json)), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Integrity));
    }

    [Test]
    public void Any_document_that_was_cut_or_damaged_is_refused_or_read_and_nothing_else()
    {
        var whole = Bytes(Config);
        for (var length = 0; length < whole.Length; length++)
            Assert.That(() => ImageJson.ReadConfig(whole.AsSpan(0, length)), Throws.TypeOf<CrunException>(), $"the first {length} bytes");
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var damaged = whole.ToArray();
            for (var n = 1 + random.Next(3); n > 0; n--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                ImageJson.ReadConfig(damaged);
            }
            catch (CrunException error)
            {
                Assert.That(error.Message.AsSpan().ContainsAny("\n\r"), Is.False);
            }
        }
    }

    private static byte[] Bytes(string json) => Encoding.UTF8.GetBytes(json);

    private static string Text(byte[] json) => Encoding.UTF8.GetString(json);
}
