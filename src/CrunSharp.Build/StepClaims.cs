using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build;

/// <summary>
/// Two builds of the same step on one host do it once: the second waits, and then has what the first one made. If that
/// failed, or was killed, it tries itself.
/// </summary>
/// <param name="store">The store that both builds have.</param>
internal sealed class StepClaims(Store store)
{
    private const string Work = "step";

    /// <summary>Makes a layer, or takes what another build makes meanwhile.</summary>
    /// <param name="step">What identifies the step, done on what.</param>
    /// <param name="showWait">Shows that another build is waited for, until the result is disposed.</param>
    /// <param name="tryHit">Looks whether the other one has made it.</param>
    /// <param name="make">Makes it; the claim is given back when the result can be found.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<BuiltLayer> OnceAsync(Digest step, Func<IDisposable> showWait, Func<Task<BuiltLayer?>> tryHit, Func<Claim, Task<BuiltLayer>> make, CancellationToken cancellationToken)
    {
        var claim = store.TryClaim(Work, step);
        var mustLook = claim is null;
        if (claim is null)
        {
            using var shown = showWait();
            claim = await store.ClaimAsync(Work, step, cancellationToken).ConfigureAwait(false);
        }
        try
        {
            if (!mustLook || await tryHit().ConfigureAwait(false) is not { } made) return await make(claim).ConfigureAwait(false);
            claim.Dispose();
            return made;
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }
}
