using System.Globalization;
using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>system check</c>, <c>system df</c>, <c>system prune</c>, <c>container prune</c>.</summary>
public sealed class SystemTests : BuildTest
{
    [TearDown]
    public void RemoveAll()
    {
        Run(["rm", "-f", "-v", .. Run("ps", "-aq").Lines]);
        foreach (var id in Run("images", "-q", "--no-trunc").Lines.Distinct()) Run("rmi", "-f", id);
        Run("volume", "prune", "-af");
        Run("system", "prune", "-af");
        World.ImportBusybox();
        Assert.That(Run("system", "check", "--repair").Code, Is.Zero);
    }

    // What is done to the store; whether it is the foreign image (compressed, with a manifest) or the imported one; what is
    // found; whether the image is still there when it was mended.
    private static readonly (string Damage, bool IsForeign, string Finding, bool Stays)[] Damages =
    [
        ("printf x | dd of=$LAYER/diff/bin/busybox bs=1 seek=4096 conv=notrunc", true, "layer .*its directory was changed", true),
        ("rm $LAYER/diff/etc/passwd", true, "layer .*its directory was changed", true),
        ("echo > $LAYER/diff/etc/added", true, "layer .*its directory was changed", true),
        ("chmod 777 $LAYER/diff/etc", true, "layer .*its directory was changed", true),
        ("setfattr -n user.x -v y $LAYER/diff/etc/passwd || touch $LAYER/diff/etc/passwd", true, "layer .*its directory was changed", true),
        ("head -c 20 $LAYER/layer.json > $LAYER/l; mv $LAYER/l $LAYER/layer.json", true, "layer .*its record is damaged", true),
        ("head -c 20 $LAYER/layer.json > $LAYER/l; mv $LAYER/l $LAYER/layer.json", false, "layer .*its record is damaged", true),
        ("rm -r $LAYER", true, "layer .*it is missing", true),
        ("rm -r $LAYER", false, "image .*is not in the store", false),
        ("rm $LAYER/diff/etc/passwd", false, "layer .*its directory was changed", false),
        ("printf x | dd of=$BLOB bs=1 seek=1000 conv=notrunc", true, "blob .*its bytes have the digest", false),
        ("truncate -s -1 $CONFIG", false, "blob .*its bytes have the digest", false),
        ("rm $CONFIG", true, "image .*is not in the store", false),
        ("echo '{\"id\":' > $RECORD", true, "image .*its record is damaged", true),
        ("rm $RECORD", false, "name .*its image .* is not in the store", false),
        ("truncate -s 3 $NAME", true, "name .*its file is damaged", true),
        ("echo > $ROOT/blobs/sha256/stray; mkdir $ROOT/layers/stray", false, "leftover .*nothing of this store", true),
        ("mkdir $ROOT/layers/0000000000000000000000000000000000000000000000000000000000000000", false, "layer .*its record is damaged or missing", true),
    ];

    [Test]
    public void Damage_is_found_and_mended([Range(0, 17)] int number)
    {
        var (damage, isForeign, finding, stays) = Damages[number];
        var id = MakeImages(isForeign);
        World.Shell($"{Places(id)}\n{damage}").Succeeded();
        var found = Run("system", "check");
        Assert.That(found.Code, Is.EqualTo(1), found.ToString());
        Assert.That(found.Lines, Has.Some.Match($"^{finding}"));
        Assert.That(Run("system", "check").Lines[1..^1].Length, Is.EqualTo(found.Lines.Length - 2), "a check changes nothing");
        var mended = Run("system", "check", "--repair");
        Assert.That(mended.Code, Is.Zero, mended.ToString());
        Assert.That(mended.Lines[^1], Does.EndWith(" all mended"));
        var again = Run("system", "check");
        Assert.That(again.Code, Is.Zero, again.ToString());
        Assert.That(again.Line, Does.Match(@"^\d+ images?, \d+ names?, \d+ layers?, \d+ files? of content, [0-9.]+[kMG]?B read: all right$"));
        Assert.That(Run("image", "inspect", id).Code, Is.EqualTo(stays ? 0 : 1));
        if (stays) Assert.That(Run("run", "--rm", "--network", "none", id, "cat", "/etc/passwd").Out, Does.StartWith("root:x:0:0"));
        Assert.That(Run("run", "--rm", "--network", "none", "whole", "cat", "/whole").Out, Is.EqualTo("whole\n"));
    }

    [Test]
    public void What_a_container_needs_is_kept()
    {
        var id = MakeImages(isForeign: false);
        Run("run", "-d", "--name", "running", "--network", "none", "web", "sleep", "1000").Succeeded();
        World.Shell($"{Places(id)}\necho > $LAYER/diff/etc/added").Succeeded();
        var kept = Run("system", "check", "--repair");
        Assert.That(kept.Code, Is.EqualTo(1));
        Assert.That(kept.Out, Does.Contain("kept while container running runs on it").And.EndWith("1 finding, 1 not mended\n"));
        Assert.That(Run("exec", "running", "echo", "well").Out, Is.EqualTo("well\n"));
        Run("kill", "running").Succeeded();
        Assert.That(Run("system", "check", "--repair").Out, Does.Contain("kept for container running: it cannot be made anew"));
        Run("rm", "running").Succeeded();
        Assert.That(Run("system", "check", "--repair").Code, Is.Zero);
        Assert.That(Run("system", "check").Code, Is.Zero);
    }

    [Test]
    public void A_layer_of_a_stopped_container_is_made_anew()
    {
        var id = MakeImages(isForeign: true);
        Run("create", "--name", "stopped", "--network", "none", "web", "cat", "/etc/passwd").Succeeded();
        World.Shell($"{Places(id)}\nrm $LAYER/diff/etc/passwd").Succeeded();
        Assert.That(Run("system", "check", "--repair").Out, Does.Contain("unpacked again from its blob"));
        Assert.That(Run("start", "-a", "stopped").Out, Does.StartWith("root:x:0:0"));
    }

    [Test]
    public void A_check_beside_builds_and_runs_finds_nothing_and_harms_nothing()
    {
        var outcome = World.Shell("""
            for i in 1 2 3 4 5 6; do
              printf 'FROM busybox\nRUN echo %s > /made\nRUN echo more%s > /more\n' $i $i | $C build -q -t built$i - > /dev/null || echo build $i failed
              $C run --rm --network none built$i cat /made > /dev/null || echo run $i failed
              [ $i -gt 2 ] && $C rmi built$i > /dev/null
            done &
            work=$!
            while kill -0 $work 2> /dev/null; do $C system check --repair > check.out || { echo check failed; cat check.out; }; done
            wait $work
            $C system check
            """).Succeeded();
        Assert.That(outcome.Lines, Has.Length.EqualTo(1), outcome.Out);
        Assert.That(outcome.Line, Does.EndWith("all right"));
    }

    [Test]
    public void What_a_killed_supervisor_left_is_cleared_by_a_check()
    {
        Run("run", "-d", "--name", "shot", "-p", "8081:80", "busybox", "sleep", "1000").Succeeded();
        var (id, pid) = (World.IdOf("shot"), World.PidOf("shot"));
        foreach (var victim in (int[])[World.SupervisorOf(id)!.Value, pid])
        {
            using var process = CrunSharp.Kernel.Processes.PidHandle.TryOpen(victim);
            process?.Send(CrunSharp.Kernel.Processes.Signal.SIGKILL.Number);
            process?.WaitForEnd(TimeSpan.FromSeconds(10));
        }
        Assert.That(Run("system", "check").Succeeded().Line, Does.EndWith("all right"));
        Assert.Multiple(() =>
        {
            Assert.That(World.Cgroups, Is.Empty);
            Assert.That(Directory.GetFiles($"{World.RunRoot}/net/bridge/ip"), Is.Empty);
            Assert.That(World.Host.Mounts.Split('\n').Count(line => line.Contains(World.Directory, StringComparison.Ordinal)), Is.EqualTo(World.Host.KnownMounts));
            Assert.That(World.Host.Tool("nft", "list", "ruleset"), Does.Not.Contain("8081"));
            Assert.That(Run("ps", "-a", "--format", "{{.Names}} {{.Status}}").Line, Does.StartWith("shot Exited (255)"));
        });
    }

    [Test]
    public void Findings_are_shown_through_a_format_and_quickly()
    {
        var id = MakeImages(isForeign: false);
        Assert.That(Run("system", "check", "--quick").Succeeded().Line, Does.EndWith(" 0B read: all right"));
        World.Shell($"{Places(id)}\necho more >> $LAYER/diff/etc/passwd").Succeeded();
        var quick = Run("system", "check", "--quick", "--format", "{{.Kind}} {{.Name}} {{.Problem}}");
        Assert.That(quick.Code, Is.EqualTo(1));
        Assert.That(quick.Line, Does.Match(@"^layer sha256:[0-9a-f]{64} its files have \d+ bytes where \d+ were recorded$"));
        Assert.That(JsonDocument.Parse(Run("system", "check", "--format", "json").Lines[0]).RootElement.GetProperty("Kind").GetString(), Is.EqualTo("layer"));
    }

    [Test]
    public void Df_agrees_with_du()
    {
        MakeImages(isForeign: true);
        World.RunWith("FROM web\nRUN head -c 3000000 /dev/urandom > /data/large\nRUN echo a > /a\n", "build", "-q", "-t", "one", "-").Succeeded();
        World.RunWith("FROM one\nRUN head -c 1000000 /dev/urandom > /data/more\n", "build", "-q", "-t", "two", "-").Succeeded();
        World.RunWith("FROM web\nRUN head -c 2000000 /dev/urandom > /data/cached\n", "build", "-q", "-t", "gone", "-").Succeeded();
        World.Shell("rm $CRUN_SHARP_ROOT/names/*gone*; rm $CRUN_SHARP_ROOT/images/$($C images -q --no-trunc -f dangling=true | cut -d: -f2).json").Succeeded();
        Run("run", "-d", "--name", "busy", "--network", "none", "-v", "kept:/v", "two", "sh", "-c", "head -c 500000 /dev/urandom > /written; head -c 700000 /dev/urandom > /v/data; sleep 1000").Succeeded();
        Run("run", "--name", "done", "--network", "none", "busybox", "sh", "-c", "head -c 900000 /dev/urandom > /written; seq 10").Succeeded();
        Run("volume", "create", "unused").Succeeded();
        World.Await(() => Run("exec", "busy", "stat", "-c", "%s", "/v/data").Out == "700000\n", "the volume's data");
        Run("builder", "history", "rm", "--all").Succeeded();

        var lines = Run("system", "df").Succeeded().Lines;
        Assert.That(lines[0], Is.EqualTo("TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE"));
        var rows = Run("system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}").Lines.Select(static l => l.Split('|')).ToList();
        Assert.That(rows.Select(static r => $"{r[0]} {r[1]} {r[2]}"), Is.EqualTo((string[])["Images 5 2", "Containers 2 1", "Local Volumes 2 1", rows[3][0] + " " + rows[3][1] + " 0"]));
        Assert.That(rows[3][1], Is.EqualTo("4"), "steps that the build cache knows");
        Assert.Multiple(() =>
        {
            // What a file system allots beyond a file's end is part of both.
            double Du(string place) => double.Parse(World.Shell($"du -s --block-size=1 $CRUN_SHARP_ROOT{place}").Line.Split('\t')[0], CultureInfo.InvariantCulture);
            Assert.That(rows.Sum(static r => Bytes(r[3])), Is.EqualTo(Du("")).Within(3).Percent);
            Assert.That(Bytes(rows[1][3]), Is.EqualTo(Du("/containers")).Within(3).Percent);
            Assert.That(Bytes(rows[1][4].Split(' ')[0]), Is.InRange(900_000, 1_300_000));
            Assert.That(Bytes(rows[2][3]), Is.EqualTo(Du("/volumes")).Within(3).Percent);
            Assert.That(Bytes(rows[3][3]), Is.InRange(2_000_000, 2_900_000));
        });
        var verbose = Run("system", "df", "-v").Succeeded().Out;
        Assert.That(verbose, Does.Match(@"^Images space usage:\n\nREPOSITORY +TAG +IMAGE ID +CREATED +SIZE +SHARED SIZE +UNIQUE SIZE +CONTAINERS\n")
            .And.Match(@"\ntwo +latest +[0-9a-f]{12} +\S.* ago +5\.98MB +4\.98MB +1MB +1\n")
            .And.Match(@"\n\nContainers space usage:\n\nCONTAINER ID +IMAGE +COMMAND +LOCAL VOLUMES +SIZE +CREATED +STATUS +NAMES\n")
            .And.Match(@"\n\nLocal Volumes space usage:\n\nVOLUME NAME +LINKS +SIZE\nkept +1 +[\d.]+[kM]B\nunused +0 +")
            .And.Match(@"\n\nBuild cache usage: 2\.\d+MB\n\nCACHE ID +CACHE TYPE +SIZE +CREATED +LAST USED +USAGE +SHARED\n"));
        Assert.That(JsonDocument.Parse(Run("system", "df", "-v", "--format", "json").Line).RootElement.GetProperty("Volumes").GetArrayLength(), Is.EqualTo(2));
    }

    [Test]
    public void Prune_asks_and_removes_what_nothing_uses()
    {
        MakeImages(isForeign: true);
        World.RunWith("FROM web\nRUN echo x > /x\n", "build", "-q", "-t", "kept", "-").Succeeded();
        World.RunWith("FROM web\nRUN head -c 1000000 /dev/urandom > /dangling\n", "build", "-q", "-t", "kept2", "-").Succeeded();
        Run("rmi", "kept2").Succeeded();
        Run("run", "-d", "--name", "busy", "--network", "none", "-v", "/anonymous", "web", "sleep", "1000").Succeeded();
        var done = Run("run", "-d", "--network", "none", "-v", "/other", "web", "true").Succeeded().Line;
        Run("wait", done).Succeeded();
        Run("volume", "create", "named").Succeeded();
        var refused = World.RunWith("n\n", "system", "prune", "--volumes", "--filter", "label!=keep").Succeeded();
        Assert.That(refused.Out, Is.EqualTo("""
            WARNING! This will remove:
              - all stopped containers
              - all networks not used by at least one container
              - all anonymous volumes not used by at least one container
              - all dangling images
              - unused build cache

              Items to be pruned will be filtered with:
              - label!=keep

            Are you sure you want to continue? [y/N] 
            """.TrimEnd('\n')));
        Assert.That(Run("ps", "-aq").Lines, Has.Length.EqualTo(2));
        Run("system", "prune", "-f", "--volumes", "--filter", "until=1h").Failed(1, "the \"until\" filter is not supported with \"--volumes\"");
        Assert.That(Run("system", "prune", "-f", "--filter", "until=1h").Succeeded().Out, Is.EqualTo("Total reclaimed space: 0B\n"));
        var volume = Run("volume", "ls", "-q", "-f", "dangling=false").Lines.Length;
        Assert.That(volume, Is.EqualTo(2));

        var pruned = World.RunWith("y\n", "system", "prune", "--volumes").Succeeded();
        Assert.That(pruned.Out, Does.Match($@"Deleted Containers:\n{done}\n\nDeleted Volumes:\n[0-9a-f]{{64}}\n\n").And.Match(@"\n\nTotal reclaimed space: [0-9.]+[kM]B\n$"));
        Assert.That(Run("ps", "--format", "{{.Names}}").Line, Is.EqualTo("busy"));
        Assert.That(Run("volume", "ls", "-q").Lines, Has.Length.EqualTo(2).And.Contain("named"));
        Assert.That(Run("images", "--format", "{{.Repository}}").Lines, Is.EquivalentTo((string[])["busybox", "kept", "web", "whole"]));

        Run("system", "prune", "-af").Succeeded();
        Assert.That(Run("images", "--format", "{{.Repository}}").Lines, Is.EqualTo((string[])["web"]));
        Assert.That(Run("system", "df", "--format", "{{.Type}} {{.TotalCount}}").Lines[^1], Is.EqualTo("Build Cache 0"));
        Assert.That(Run("exec", "busy", "echo", "well").Out, Is.EqualTo("well\n"));
        Assert.That(Run("system", "check").Code, Is.Zero);
    }

    [Test]
    public void Container_prune_removes_those_that_do_not_run()
    {
        StartSleeper("busy");
        Run("create", "--name", "kept", "--label", "keep=1", "busybox").Succeeded();
        var made = Run("create", "--name", "made", "busybox").Succeeded().Line;
        Assert.That(World.RunWith("", "container", "prune").Succeeded().Out, Is.EqualTo("WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] "));
        Assert.That(Run("container", "prune", "-f", "--filter", "until=1h").Succeeded().Out, Is.EqualTo("Total reclaimed space: 0B\n"));
        Assert.That(Run("container", "prune", "-f", "--filter", "label!=keep").Succeeded().Out, Does.Match($@"^Deleted Containers:\n{made}\n\nTotal reclaimed space: [0-9.]+kB\n$"));
        Assert.That(Run("container", "prune", "-f", "--filter", "label=keep=1").Succeeded().Out, Does.StartWith("Deleted Containers:\n"));
        Assert.That(Run("ps", "-a", "--format", "{{.Names}}").Line, Is.EqualTo("busy"));
    }

    [Test]
    public void A_thousand_images_are_listed_at_once()
    {
        Directory.CreateDirectory($"{World.Root}/names");
        var id = World.Inspect("busybox", "{{.Id}}");
        for (var i = 0; i < 1000; i++) File.WriteAllText($"{World.Root}/names/docker.io%2Flibrary%2Fmany{i}%3Alatest", $"{id}\ndocker.io/library/many{i}:latest\n");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.That(Run("images").Succeeded().Lines, Has.Length.EqualTo(1002));
        // 30 ms is what it takes; this is to catch what grows with the square.
        Assert.That(clock.ElapsedMilliseconds, Is.LessThan(2000));
    }

    // A size as people read it, in bytes.
    private static double Bytes(string size)
    {
        var unit = size.IndexOfAny([.. "BkMG"]);
        var factor = size[unit] switch { 'k' => 1e3, 'M' => 1e6, 'G' => 1e9, _ => 1 };
        return double.Parse(size[..unit], CultureInfo.InvariantCulture) * factor;
    }

    // The image web, foreign or not, and another that nothing happens to; the id of web.
    private string MakeImages(bool isForeign)
    {
        // A step's layer has no blob: its tar is a function of its directory.
        World.RunWith("FROM scratch\nCOPY --from=busybox / /\nCMD [\"sh\"]\n", "build", "-q", "-t", "web", "-").Succeeded();
        // As a registry would have it: compressed, with a manifest.
        if (isForeign) World.Shell("$C save --format oci -o web.oci web && $C rmi web && $C system prune -af && $C load -i web.oci").Succeeded();
        if (isForeign) World.ImportBusybox();
        World.Import("whole", BusyboxImage.With(World.Files + "/whole.tar", static tar => BusyboxImage.AddFile(tar, "whole", "whole\n")));
        return World.Inspect("web", "{{.Id}}");
    }

    private static string Places(string id) => $$"""
        set -e; ROOT=$CRUN_SHARP_ROOT
        LAYER=$ROOT/layers/$($C image inspect -f '{{"{{"}}index .RootFS.Layers 0{{"}}"}}' {{id}} | cut -d: -f2)
        BLOB=$ROOT/blobs/sha256/$(sed -n 's/.*"blob":{[^}]*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' $LAYER/layer.json)
        CONFIG=$ROOT/blobs/sha256/{{id[7..]}}
        RECORD=$ROOT/images/{{id[7..]}}.json
        NAME=$ROOT/names/docker.io%2Flibrary%2Fweb%3Alatest
        """;
}
