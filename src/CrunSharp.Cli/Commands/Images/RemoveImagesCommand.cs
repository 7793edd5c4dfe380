using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine.Containers;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>rmi</c>: takes names from images, and removes those that have none left.</summary>
internal sealed class RemoveImagesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<RemoveImagesCommand>("force", 'f', "Remove all names, and do not mind stopped containers", static (o, v) => o._force = v),
        new Flag<RemoveImagesCommand>("no-prune", '\0', "Accepted; parents are not kept as images", static (_, _) => { }) { Hidden = true },
    ];

    private bool _force;

    public override string Synopsis => "[OPTIONS] IMAGE [IMAGE...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var store = StoreAccess.Open(context);
        return StoreAccess.ForEach(context, operands, operand =>
        {
            if (store.Images.TryResolve(operand) is { } image) Remove(context, store, image, operand);
            else if (_force) context.Complain($"No such image: {Shown(operand)}");
            else store.Images.Resolve(operand);
        });
    }

    private void Remove(CommandContext context, Store store, Image image, string operand)
    {
        var name = NameIn(image, operand);
        var user = UserOf(context, image, out var isRunning);
        if (name is not null && image.Names.Count > 1)
        {
            Untag(context, store, name);
            return;
        }
        Check(image, name, user, isRunning);
        foreach (var known in image.Names) Untag(context, store, known);
        // A stopped container goes on without the image's name; its layers must stay.
        if (user is not null) return;
        store.Images.Remove(image.Id);
        context.Out.WriteLine($"Deleted: {image.Id}");
    }

    private void Check(Image image, ImageReference? name, Container? user, bool isRunning)
    {
        if (user is not null && name is not null && !_force)
        {
            throw CrunException.WrongState($"conflict: unable to remove repository reference \"{name.Familiar}\" (must force)"
                + $" - container {user.ShortId} is using its referenced image {image.Id.Short}");
        }
        if (user is not null && name is null && (isRunning || !_force))
        {
            throw CrunException.WrongState(isRunning
                ? $"conflict: unable to delete {image.Id.Short} (cannot be forced) - image is being used by running container {user.ShortId}"
                : $"conflict: unable to delete {image.Id.Short} (must be forced) - image is being used by stopped container {user.ShortId}");
        }
        if (name is null && !_force && image.Names.Select(static n => n.FamiliarName).Distinct().Count() > 1)
            throw CrunException.WrongState($"conflict: unable to delete {image.Id.Short} (must be forced) - image is referenced in multiple repositories");
    }

    private static void Untag(CommandContext context, Store store, ImageReference name)
    {
        if (store.Images.Untag(name)) context.Out.WriteLine($"Untagged: {name.Familiar}");
    }

    // The name by which the image was asked for; null when it was by its id.
    private static ImageReference? NameIn(Image image, string operand)
    {
        if (!ImageReference.TryParse(operand, out var wanted)) return null;
        foreach (var name in image.Names)
        {
            if (name == wanted) return name;
        }
        return null;
    }

    private static Container? UserOf(CommandContext context, Image image, out bool isRunning)
    {
        var id = image.Id.ToString();
        Container? stopped = null;
        isRunning = false;
        foreach (var container in StoreAccess.Containers(context))
        {
            if (container.Config.ImageId != id && container.Config.ImageId != image.Id.Hex) continue;
            if (isRunning = container.IsRunning) return container;
            stopped = container;
        }
        return stopped;
    }

    private static string Shown(string operand) => ImageReference.TryParse(operand, out var name) ? name.Familiar : operand;
}
