using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Builds;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Disk;
using CrunSharp.Cli.Commands.General;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Commands.Manifests;
using CrunSharp.Cli.Commands.Networks;
using CrunSharp.Cli.Commands.Objects;
using CrunSharp.Cli.Commands.Registries;
using CrunSharp.Cli.Commands.Volumes;

namespace CrunSharp.Cli.Commands;

/// <summary>All commands. The common ones are in the order in which help lists them.</summary>
internal static class CommandTable
{
    public static readonly CommandGroup[] Groups =
    [
        new("builder", "Builds and their cache"),
        new("builder history", "Builds that have ended"),
        new("cache", "Caches that RUN --mount=type=cache keeps"),
        new("container", "Containers"),
        new("image", "Images"),
        new("manifest", "Manifests and lists of them in registries"),
        new("network", "Networks"),
        new("system", "This program and its store"),
        new("volume", "Volumes"),
    ];

    public static readonly CommandRow[] Rows =
    [
        new("container run|run", Section.Common, "Make a container from an image and run it", static () => new RunCommand()),
        new("container exec|exec", Section.Common, "Run a further command in a running container", static () => new ExecCommand()),
        new("container ls|container list|container ps|ps", Section.Common, "List containers", static () => new ListCommand()),
        new("image build|builder build|build", Section.Common, "Build an image from a Dockerfile", static () => new BuildCommand()),
        new("image pull|pull", Section.Common, "Bring an image from a registry", static () => new PullCommand()),
        new("image ls|image list|images", Section.Common, "List images", static () => new ListImagesCommand()),
        new("version", Section.Common, "Show the version", static () => new VersionCommand()),

        new("container create|create", Section.Other, "Make a container", static () => new CreateCommand()),
        new("container export|export", Section.Other, "Write a container's files as a tar", static () => new ExportCommand()),
        new("builder du", Section.Other, "Show what builds keep, and what it takes", static () => new BuilderDiskCommand()),
        new("builder history inspect", Section.Other, "Show what is known of a build", static () => new InspectBuildCommand()),
        new("builder history logs", Section.Other, "Print what a build showed", static () => new BuildLogsCommand()),
        new("builder history ls|builder history list", Section.Other, "List builds", static () => new ListBuildsCommand()),
        new("builder history rm|builder history remove", Section.Other, "Forget builds", static () => new RemoveBuildsCommand()),
        new("builder prune", Section.Other, "Remove the build cache", static () => new PruneBuilderCommand()),
        new("cache export", Section.Other, "Write a cache as a tar.zst", static () => new ExportCacheCommand()),
        new("cache import", Section.Other, "Read a cache from a tar", static () => new ImportCacheCommand()),
        new("cache ls|cache list|cache du", Section.Other, "List caches and their sizes", static () => new ListCachesCommand()),
        new("cache rm|cache remove", Section.Other, "Remove caches", static () => new RemoveCachesCommand()),
        new("container inspect", Section.Other, "Show all that is known of containers", static () => new InspectCommand("container")),
        new("container kill|kill", Section.Other, "Send containers a signal", static () => new KillCommand()),
        new("container logs|logs", Section.Other, "Show what a container wrote", static () => new LogsCommand()),
        new("container port|port", Section.Other, "Show where a container's ports are published", static () => new PortCommand()),
        new("container prune", Section.Other, "Remove containers that do not run", static () => new PruneContainersCommand()),
        new("container rm|container remove|rm", Section.Other, "Remove containers", static () => new RemoveCommand()),
        new("container start|start", Section.Other, "Start containers", static () => new StartCommand()),
        new("container stop|stop", Section.Other, "Stop containers", static () => new StopCommand()),
        new("container wait|wait", Section.Other, "Wait until containers end and print their exit codes", static () => new WaitCommand()),
        new("image history|history", Section.Other, "Show what an image was made of", static () => new HistoryCommand()),
        new("image import|import", Section.Other, "Make an image of a root file system's tar", static () => new ImportCommand()),
        new("image inspect", Section.Other, "Show all that is known of images", static () => new InspectImagesCommand()),
        new("image load|load", Section.Other, "Read images from an archive", static () => new LoadCommand()),
        new("image prune", Section.Other, "Remove images that nothing uses", static () => new PruneImagesCommand()),
        new("image push|push", Section.Other, "Send an image to a registry", static () => new PushCommand()),
        new("image rm|image remove|rmi", Section.Other, "Remove images", static () => new RemoveImagesCommand()),
        new("image save|save", Section.Other, "Write images to an archive", static () => new SaveCommand()),
        new("image tag|tag", Section.Other, "Give an image a further name", static () => new TagCommand()),
        new("inspect", Section.Other, "Show all that is known of containers and images", static () => new InspectCommand()),
        new("login", Section.Other, "Log in to a registry", static () => new LoginCommand()),
        new("logout", Section.Other, "Log out of a registry", static () => new LogoutCommand()),
        new("manifest annotate", Section.Other, "Say for which platform an image of a list is", static () => new AnnotateManifestCommand()),
        new("manifest create", Section.Other, "Start a list of images for several platforms", static () => new CreateManifestCommand()),
        new("manifest inspect", Section.Other, "Show a manifest as it is in its registry", static () => new InspectManifestCommand()),
        new("manifest push", Section.Other, "Send a list to its registry", static () => new PushManifestCommand()),
        new("manifest rm", Section.Other, "Forget lists that were not pushed", static () => new RemoveManifestsCommand()),
        new("network create", Section.Other, "Make a network", static () => new CreateNetworkCommand()),
        new("network inspect", Section.Other, "Show all that is known of networks", static () => new InspectNetworksCommand()),
        new("network ls|network list", Section.Other, "List networks", static () => new ListNetworksCommand()),
        new("network prune", Section.Other, "Remove networks that no container is connected to", static () => new PruneNetworksCommand()),
        new("network rm|network remove", Section.Other, "Remove networks", static () => new RemoveNetworksCommand()),
        new("search", Section.Other, "Look for images in a registry", static () => new SearchCommand()),
        new("system check", Section.Other, "Check images, layers and content, and repair them", static () => new CheckCommand()),
        new("system df", Section.Other, "Show what takes how much of the disk", static () => new DiskFreeCommand()),
        new("system prune", Section.Other, "Remove what nothing uses", static () => new PruneCommand()),
        new("volume create", Section.Other, "Make a volume", static () => new CreateVolumeCommand()),
        new("volume inspect", Section.Other, "Show all that is known of volumes", static () => new InspectVolumesCommand()),
        new("volume ls|volume list", Section.Other, "List volumes", static () => new ListVolumesCommand()),
        new("volume prune", Section.Other, "Remove volumes that no container has", static () => new PruneVolumesCommand()),
        new("volume rm|volume remove", Section.Other, "Remove volumes", static () => new RemoveVolumesCommand()),
        new("completion", Section.Other, "Print the completion script for bash", static () => new CompletionCommand()),
        new("help", Section.Other, "Show help on a command", static () => new HelpCommand()),
    ];

    /// <summary>The noun of this name; null when there is none.</summary>
    public static CommandGroup? FindGroup(ReadOnlySpan<char> name)
    {
        foreach (var group in Groups)
        {
            if (name.SequenceEqual(group.Name)) return group;
        }
        return null;
    }
}
